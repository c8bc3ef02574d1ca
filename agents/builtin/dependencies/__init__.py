"""Lock files of a repository, and advisories in OSV's form -> the packages in them that are known to be vulnerable."""
