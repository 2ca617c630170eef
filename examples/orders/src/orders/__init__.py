"""Orders: takes orders, keeps them, tells the rest of the shop."""
