"""Changes and what is open at this moment in; exact totals and gauges out."""
