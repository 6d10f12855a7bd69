"""What a training run writes: event files, by a thread of their own."""
