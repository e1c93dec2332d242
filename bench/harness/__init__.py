"""The workings of scripts/bench."""
