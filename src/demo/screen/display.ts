const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const TITLE_WIDTH = 31;

/** What the display needs of stdout. */
export type Terminal = { isTTY?: boolean; columns?: number; write(text: string): unknown };

/** One step of the demo on the screen. */
export type Line = {
  progress(fraction: number, note: string | null): void;
  done(note?: string): void;
  failed(): void;
  /** It was not to go on. */
  stopped(): void;
};

/** The steps of the demo on the screen. */
export type Display = {
  begin(title: string): Line;
  /** Shows the last state; what ends later is not shown. */
  end(): void;
};

type State = {
  title: string;
  fraction: number;
  note: string;
  begin: number;
  end?: number;
  mark: ' ' | '✓' | '✗' | '–';
};

/** Bars that move when stdout is a terminal, else a line when a step has ended. */
export function createDisplay(terminal: Terminal, print: (line: string) => void): Display {
  return terminal.isTTY ? createBars(terminal) : createLines(print);
}

function createLines(print: (line: string) => void): Display {
  let ended = false;
  return {
    begin: (title) => {
      const state = newState(title);
      const finish = (mark: State['mark'], note: string) => {
        if (!ended) print(endLine({ ...state, mark, note, end: Date.now() }));
      };
      return {
        progress: () => undefined,
        done: (note = '') => finish('✓', note),
        failed: () => finish('✗', 'failed'),
        stopped: () => finish('–', 'stopped'),
      };
    },
    end: () => {
      ended = true;
    },
  };
}

function createBars(terminal: Terminal): Display {
  const states: State[] = [];
  let drawn = 0;
  let ended = false;
  const draw = () => {
    if (ended) return;
    const lines = states.map(
      (state) => `\x1b[2K${cut(state.end ? endLine(state) : barLine(state), terminal.columns)}\n`,
    );
    terminal.write((drawn > 0 ? `\x1b[${drawn}A` : '') + lines.join(''));
    drawn = states.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    begin: (title) => {
      const state = newState(title);
      states.push(state);
      draw();
      const finish = (mark: State['mark'], note: string) => {
        Object.assign(state, { mark, note, end: Date.now() });
        draw();
      };
      return {
        progress: (fraction, note) => {
          // Messages may overtake each other; a bar never runs back.
          state.fraction = Math.max(state.fraction, Math.min(1, fraction));
          state.note = note ?? state.note;
        },
        done: (note = '') => finish('✓', note),
        failed: () => finish('✗', 'failed'),
        stopped: () => finish('–', 'stopped'),
      };
    },
    end: () => {
      clearInterval(timer);
      draw();
      ended = true;
    },
  };
}

function newState(title: string): State {
  return { title, fraction: 0, note: '', begin: Date.now(), mark: ' ' };
}

function barLine({ title, fraction, note, begin }: State): string {
  const full = Math.round(fraction * BAR_WIDTH);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  const percent = `${Math.round(100 * fraction)} %`.padStart(5);
  return `  ${title.padEnd(TITLE_WIDTH)} ${bar} ${percent} ${elapsed(begin)}  ${note}`.trimEnd();
}

function endLine({ title, note, begin, end, mark }: State): string {
  return `${mark} ${title.padEnd(TITLE_WIDTH)} ${elapsed(begin, end)}  ${note}`.trimEnd();
}

function elapsed(begin: number, end = Date.now()): string {
  return `${((end - begin) / 1000).toFixed(1)} s`.padStart(7);
}

// A line that wraps would break the count of lines to go up.
function cut(line: string, columns = 80): string {
  return [...line].slice(0, columns - 1).join('');
}
