"""Who has a part in the shows of a seller: moderators, bidders who are approved, users who are blocked."""
