"""The learners of an edition side by side: figures, cost, the verifier's verdict, as pages."""
