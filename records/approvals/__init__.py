"""Gates and decisions in; rows of WorkflowApproval, votes and the audit log out."""
