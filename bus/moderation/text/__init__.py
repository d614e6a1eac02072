"""What a text is, whatever it is written with: folding, look-alikes, Hangul, fingerprints."""
