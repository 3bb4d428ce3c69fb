//! Longer texts of the help.

pub(crate) const EXAMPLES: &str = "\
Examples:
  switchctl status
  switchctl wait green --timeout 60s && switchctl promote green --reason 'new handbook'
  switchctl promote --dry-run
  switchctl promote --steps 5%,25%,50%,100% --every 5m
  switchctl canary 5%
  switchctl drain --watch
  switchctl sleep green && switchctl wake green --timeout 5m
  switchctl rollback --reason 'wrong answers about leave'
  switchctl status --output json
  switchctl login --server http://gateway:9901 < token.txt
  switchctl token new --name ada --role operator --expires 90d --file operators.jsonl

Exit codes: 0 done, 1 refused or failed, 2 could not ask, 64 wrong usage.";
