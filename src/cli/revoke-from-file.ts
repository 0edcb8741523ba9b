import { open } from 'node:fs/promises'
import { validate as isUuid } from 'uuid'
import type { Auth } from '../auth/auth.ts'
import type { LeakedToken } from '../auth/leaked-tokens.ts'
import { mayBeToken } from '../auth/token-format.ts'
import { showProgress } from './ask.ts'
import { withAuth } from './domain.ts'
import { printOutcome } from './output.ts'

/** Tokens that are ended in one transaction: a service beside it waits for no more than these. */
const batchSize = 200

/** A longer line is no token, and its rest is not kept. */
const lineMaxLength = 1_000

/** Line numbers that are named; somebody may have named the wrong file. */
const linesNamed = 100

/** What became of the lines of a file. */
interface Summary {
  revoked: number
  endedBefore: number
  unknown: number
  malformed: number
  /** The numbers of the first lines that are malformed. */
  malformedLines: number[]
}

/**
 * Ends the tokens of a file, or of standard input for `-`: a token or an id a line, but for those that are empty or begin
 * with `#`. What is ended stays so if this is interrupted, and doing it again is safe. Prints no line of the file. Rejects
 * at the end where a line was no token, and before anything is done where the file cannot be opened.
 */
export async function revokeFromFile(path: string, asJson: boolean | undefined): Promise<void> {
  const file = path === '-' ? null : await open(path)
  const bytes = file === null ? 0 : (await file.stat()).size
  const input = file === null ? process.stdin : file.createReadStream()
  await withAuth(async (auth) => {
    const progress = showProgress()
    const summary = await revokeLines(auth, input, (lines, bytesRead) => {
      const share = bytes > 0 ? ` (${Math.floor((100 * Math.min(bytesRead, bytes)) / bytes)} %)` : ''
      progress.show(`${lines} line(s) read so far${share}`)
    }).finally(progress.clear)
    const { revoked, endedBefore, unknown, malformed, malformedLines } = summary
    const sentence = `${revoked} revoked, ${endedBefore} had ended before, ${unknown} unknown, ${malformed} no token.`
    await printOutcome({ ...summary }, asJson, sentence)
    if (malformed === 0) return
    const more = malformed > malformedLines.length ? ` and ${malformed - malformedLines.length} more` : ''
    throw new Error(`No token, and skipped: line ${malformedLines.join(', ')}${more}.`)
  })
}

async function revokeLines(
  auth: Auth,
  input: AsyncIterable<Buffer>,
  onProgress: (lines: number, bytesRead: number) => void,
): Promise<Summary> {
  const summary: Summary = { revoked: 0, endedBefore: 0, unknown: 0, malformed: 0, malformedLines: [] }
  let batch: LeakedToken[] = []
  let number = 0

  async function endBatch(): Promise<void> {
    for (const fate of await auth.endLeakedTokens(batch)) {
      if (fate === 'ended') summary.revoked++
      else if (fate === 'ended before') summary.endedBefore++
      else summary.unknown++
    }
    batch = []
    await auth.audit.flush()
  }

  for await (const { line, bytesRead } of readLines(input)) {
    number++
    const leaked = parseLine(line)
    if (leaked === 'nothing') continue
    if (leaked === null) {
      summary.malformed++
      if (summary.malformed <= linesNamed) summary.malformedLines.push(number)
      continue
    }
    if (batch.push(leaked) < batchSize) continue
    await endBatch()
    onProgress(number, bytesRead)
  }
  if (batch.length > 0) await endBatch()
  return summary
}

/** Null for what is no token. */
function parseLine(line: string): LeakedToken | 'nothing' | null {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return 'nothing'
  if (isUuid(text)) return { id: text.toLowerCase() }
  return mayBeToken(text) ? { token: text } : null
}

/** Lines with how many bytes were read until then; of those that are too long, the beginning. */
async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<{ line: string; bytesRead: number }> {
  const decoder = new TextDecoder()
  let rest = ''
  let bytesRead = 0
  for await (const chunk of input) {
    bytesRead += chunk.length
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = (lines.pop() as string).slice(0, lineMaxLength) // a text that is split has parts
    for (const line of lines) yield { line, bytesRead }
  }
  yield { line: rest + decoder.decode(), bytesRead }
}
