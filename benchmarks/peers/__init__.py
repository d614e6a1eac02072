"""What Bus is measured against, each as its own documentation has it."""
