import { OPTIONS } from '../../src/config.js';

const START = '<!-- options -->';
const END = '<!-- /options -->';

type Option = { help: string; short?: string; environment?: string };

/** The configuration table of the README as the options of the code say it. */
export function optionTable(): string {
  const rows = Object.entries(OPTIONS as Record<string, Option>).map(([name, { help, short, environment }]) => {
    const flag = `\`--${name.replaceAll('_', '-')}\`${short ? `, \`-${short}\`` : ''}`;
    return `| ${flag} | \`${environment ?? `VT_${name.toUpperCase()}`}\` | ${help.replaceAll('|', '\\|')} |`;
  });
  return ['| Option | Variable | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** What stands between the markers of a document. */
export function textBetweenMarkers(document: string): string {
  return document.slice(document.indexOf(START) + START.length, document.indexOf(END)).trim();
}
