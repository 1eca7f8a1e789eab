"""A folder of recordings and labels -> a recipe that fits them (`sedt new`)."""
