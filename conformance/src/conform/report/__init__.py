"""What a run tells: console, JSON, JUnit, Markdown, one static HTML file."""
