"""Changes, and what lies open at this moment in; exact totals and gauges out."""
