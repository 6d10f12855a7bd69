"""The board's server: one process, which reads a folder of logs and shows it on a page, live.

`board` ties it together; `safety` decides who may ask; each view's questions are answered in a file of
its own (`scalars`, ...), which lists its `routes`. Needs the extra `rushlight[board]`.
"""
