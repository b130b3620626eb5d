"""Reading what nobody vouches for."""
