"""What comes in and goes out: each model is both what is checked and what is documented."""
