"""What people see: text made safe for a terminal or a page, tables, pictures, counts in words."""
