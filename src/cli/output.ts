/** What a command prints, a record at a time; times are text (RFC 3339). */
export type Item = Record<string, string | number | boolean | null | readonly string[] | readonly number[]>

/** Characters that could move the cursor, hide text or turn it around, wherever a terminal shows them. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Text fit for a terminal: what somebody chose as a name cannot forge a line or clear the screen. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = (character.codePointAt(0) as number).toString(16) // a match has a first character
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
  })
}

/** Writes to standard output; rejects where its reader has gone. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
  })
}

/** Writes a line, or several, for people to standard error. */
export function warn(text: string): void {
  process.stderr.write(`${text.split('\n').map(printable).join('\n')}\n`)
}

/** Whether an error says that nobody reads the output any more. */
export function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'
}

/** A moment in milliseconds since 1970 as text. */
export function time(ms: number): string
export function time(ms: number | null): string | null
export function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** Prints one record: as JSON, or a `key: value` line for each of its fields. */
export async function printItem(item: Item, asJson: boolean | undefined): Promise<void> {
  if (asJson) return print(`${toJson(item)}\n`)
  await print(
    Object.entries(item)
      .map(([key, value]) => `${toLabel(key)}: ${toText(value)}\n`)
      .join(''),
  )
}

/** Prints one record as JSON, or else a sentence about it. */
export function printOutcome(item: Item, asJson: boolean | undefined, sentence: string): Promise<void> {
  return print(`${asJson ? toJson(item) : printable(sentence)}\n`)
}

/** Prints a value as JSON of one line. */
export function printJson(value: object): Promise<void> {
  return print(`${toJson(value)}\n`)
}

/** Prints records as they come: as a JSON array with a record a line, or as a table whose columns are the first's fields. */
export async function printList(
  pages: AsyncIterable<Item[]> | Iterable<Item[]>,
  asJson: boolean | undefined,
  nothing = '',
): Promise<void> {
  let count = 0
  const widths: number[] = []
  for await (const page of pages) {
    const [first] = page
    if (first === undefined) continue
    if (asJson) {
      await print(page.map((item, index) => `${count + index === 0 ? '[' : ','}\n${toJson(item)}`).join(''))
    } else {
      const head = count === 0 ? [Object.keys(first).map((key) => toLabel(key).toUpperCase())] : []
      await print(toTable([...head, ...page.map((item) => Object.values(item).map(toText))], widths))
    }
    count += page.length
  }
  if (asJson) await print(count === 0 ? '[]\n' : '\n]\n')
  else if (count === 0) warn(nothing)
}

/** Aligned columns; `widths` grow with what is printed, so that the next page fits below this one. */
function toTable(rows: string[][], widths: number[]): string {
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
    })
  }
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Number(widths[column]) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}

let graphemes: Intl.Segmenter | undefined // takes a while to make, and only tables need it
const wide = /[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u

/** The columns of a terminal that a text takes. */
function widthOf(text: string): number {
  graphemes ??= new Intl.Segmenter()
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}

/** `lastSignInAt` → `last sign in`. */
function toLabel(key: string): string {
  return key.replace(/At$/, '').replace(/[A-Z]/g, ' $&').toLowerCase()
}

function toText(value: Item[string] | undefined): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'object' && value.length === 0) return 'none'
  return printable(String(value))
}

/** JSON of one line in which what terminals act on is escaped; it reads as the same value. */
function toJson(item: object): string {
  return JSON.stringify(item).replace(unprintable, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      const unit = character.charCodeAt(index).toString(16).padStart(4, '0')
      return `\\u${unit}`
    }).join(''),
  )
}
