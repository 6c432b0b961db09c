"""The report's page: chapters, captions and the HTML file."""
