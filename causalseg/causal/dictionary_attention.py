"""MCDRL's two steps (arXiv 2508.05008): candidate regions from the dense CLIP map, attention on the dictionary.

Step 1 keeps the positions of the dense map that are most like the text of any class. In step 2 the kept positions ask
the dictionary Z of confounders: F_ca = Attn(query F; key and value Z), which moves the sum over z of the backdoor
formula into the network. The paper publishes no code; norm, residual and feed-forward layer are a *reconstruction*
(its parameter counts, 12.4 / 24.9 / 37.5 million for 1 / 3 / 5 layers, fit attention and a feed-forward layer as wide
as the code: 6 width^2 a layer).
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

LAYERS = 3
"""As published: the best of 1 to 5."""
KEPT_SHARE = 0.3
"""alpha, the share of positions that step 1 keeps. *Reconstruction*: the paper's value is not known."""


def keep_top(
    similarity: Float[Tensor, "batch class patch_h patch_w"], kept_share: float = KEPT_SHARE
) -> Int[Tensor, "batch kept"]:
    """Step 1: flat indices of the `kept_share * height * width` positions (at least one) most like any class."""
    best = similarity.amax(1).flatten(1)
    count = max(1, round(kept_share * best.shape[1]))
    return best.topk(count, dim=1).indices


class CrossAttention(nn.Module):
    """One layer: positions ask the dictionary, then a feed-forward layer; both are added (pre-norm residual)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ask_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(
        self, positions: Float[Tensor, "batch kept code"], dictionary: Float[Tensor, "confounder code"]
    ) -> Float[Tensor, "batch kept code"]:
        """The positions with what the dictionary says to them added."""
        entries = dictionary.expand(len(positions), -1, -1)
        answer, _ = self.attention(self.ask_norm(positions), entries, entries, need_weights=False)
        positions = positions + answer
        return positions + self.feed(positions)


class DictionaryAttention(nn.Module):
    """Step 2: a few layers of cross-attention from positions to the dictionary."""

    def __init__(self, width: int, layers: int = LAYERS, heads: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList([CrossAttention(width, heads) for _ in range(layers)])

    def forward(
        self, positions: Float[Tensor, "batch kept code"], dictionary: Float[Tensor, "confounder code"]
    ) -> Float[Tensor, "batch kept code"]:
        """F_ca of the kept positions F."""
        for layer in self.layers:
            positions = layer(positions, dictionary)
        return positions


def gather_positions(
    dense: Float[Tensor, "batch code patch_h patch_w"], kept: Int[Tensor, "batch kept"]
) -> Float[Tensor, "batch kept code"]:
    """F: the codes at the kept positions."""
    index = kept[:, :, None].expand(-1, -1, dense.shape[1])
    return dense.flatten(2).transpose(1, 2).gather(1, index)


def put_positions(
    dense: Float[Tensor, "batch code patch_h patch_w"],
    kept: Int[Tensor, "batch kept"],
    positions: Float[Tensor, "batch kept code"],
) -> Float[Tensor, "batch code patch_h patch_w"]:
    """The dense map with new codes at the kept positions; the others stay. *Reconstruction*.

    The paper does not say how N positions become a mask of the whole picture. Setting the others to nothing would cut
    off whatever is larger than alpha of the picture.
    """
    index = kept[:, None].expand(-1, dense.shape[1], -1)
    return dense.flatten(2).scatter(2, index, positions.transpose(1, 2).to(dense.dtype)).reshape(dense.shape)
