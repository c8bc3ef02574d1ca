"""A plan and test cases in; dry runs, their failures and branch coverage out."""
