"""What all routes share: the application, answers, downloads, who may ask."""
