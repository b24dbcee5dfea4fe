"""What people and programs see; all of it is drawn from the documents that document.py makes."""
