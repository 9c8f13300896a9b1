"""The pages beside the main one: what is to do, what others drew, learning from it.

pages    hooks them into the app              listen   one event: sentence, log line, queue place
work     list, import, next, delete           html     tables, cards, bars; everything escaped
review   two masks side by side, a verdict    views    a label over its scan, two labels together
train    fine-tuning, versions                curve    a loss curve
words    every word they show                 tuner    the child process that fine-tunes
desk     what they stand on                   lists    pictures as cards, a page at a time
intake   files and folders into the store     looking  the model looks at them, for the queue

No page keeps anything of a person in the server but which picture is open: the store does.
"""
