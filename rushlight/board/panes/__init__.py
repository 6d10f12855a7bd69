"""Environments of windows, as Visdom has them: what they hold, how a post changes them, their log on disk.

`window` makes a window of a post, `updates` says what an update changes, `edits` changes it; `environment`
numbers the changes and keeps them in a `journal`; `environments` is all of a board; `calls` are the posts.
Nothing here knows of the web.
"""
