/** Entries of an agent's network list, in words. */

const SETTING = /^\{([A-Z][A-Z0-9_]*)(?:\|([^{}]*))?\}(?::(.+))?$/;

/** `host:port` as it stands; `{SLACK_API_URL|https://slack.com}` as "slack.com, or where the setting … points". */
export function hostInWords(entry: string): string {
  const found = SETTING.exec(entry);
  if (!found?.[1]) return entry;
  const [, setting, fallback, port] = found;
  const where = fallback
    ? `${hostOf(fallback)}, or where the setting ${setting} points`
    : `where the setting ${setting} points (nowhere while it is not set)`;
  return port === undefined ? where : `${where}, ${portInWords(port)}`;
}

export function hostsInWords(entries: readonly string[] | undefined): string {
  return entries?.length ? entries.map(hostInWords).join("; ") : "none";
}

function hostOf(address: string): string {
  return /^[a-z]+:\/\/([^/]+)/.exec(address)?.[1] ?? address;
}

function portInWords(port: string): string {
  const found = SETTING.exec(port);
  if (!found?.[1]) return `port ${port}`;
  return found[2] ? `port ${found[2]} or that of ${found[1]}` : `the port of ${found[1]}`;
}
