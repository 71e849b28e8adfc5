"""The exchange: its calendar, its hours, and which options and futures expire when. Reference data; pure."""
