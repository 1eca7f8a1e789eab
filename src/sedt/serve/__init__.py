"""`sedt serve`: a detector behind HTTP and a WebSocket, and the page that shows it. docs/serving.md."""
