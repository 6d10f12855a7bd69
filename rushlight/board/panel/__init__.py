"""`Panel`: what a program shows in windows of the board, by Visdom's calls.

`panel` is the class; the calls come in families (`charts`, `surfaces`, `media`, `diagrams`), `post` is what
they share, `connection` delivers, `listener` hears what the user does.
"""
