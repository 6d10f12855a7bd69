"""The three parts of the tour, and what they are shown with. The programs they show stand one folder up."""
