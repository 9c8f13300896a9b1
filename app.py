"""Settings -> engine -> page -> server. `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT` move it elsewhere."""

import logging

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo, launch_options


def main() -> None:
    """Wire the parts together and serve."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = Settings.from_environment()
    engine = Engine.load(settings.checkpoint, settings=settings)
    metrics = find_entry(settings.checkpoint).metrics
    build_demo(engine, LabelStore(settings.store_dir), settings, metrics=metrics).launch(**launch_options(settings))


if __name__ == "__main__":
    main()
