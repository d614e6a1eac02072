"""The workshop of the classifier: its weights are made here, and the engine is measured."""
