"""The project of this repository: its settings, and how it is served."""
