"""Many runs at once, and many that wait."""
