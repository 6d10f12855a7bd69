"""Event files, the log format that TensorBoard made common: written and read without TensorFlow.

Nothing here knows of servers or pages; the writer, the reader of logs and whoever converts them call it.
"""
