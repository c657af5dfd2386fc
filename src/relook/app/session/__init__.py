"""The images of a person, their objects and corrections, and the routes of the page."""
