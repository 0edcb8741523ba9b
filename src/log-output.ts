import { write as writeTo } from 'node:fs'
import { Writable } from 'node:stream'

/** Where log lines go. */
export interface LogOutput {
  /** Takes a line; returns at once and never throws. */
  write(line: string): void
  /** Resolves when what was taken is written, or after `limitMs`. */
  flush(limitMs: number): Promise<void>
}

/** What may wait for a reader that is slow, in characters; what comes on top is lost. */
const waitingLimit = 8 * 1_048_576

/** Lines of this long are written together: a write of its own would cost a request more than its line. */
const gatherMs = 10

const retryMs = 50
const complainMs = 60_000

/**
 * A file descriptor as the log's output. Lines that it does not take, on a full disk or where nobody reads any more, are
 * lost, and `complain` is told at most once a minute: no request fails or waits for want of a log. Lines are written
 * together, up to `batchBytes`: where several processes write to one pipe, what it takes in one piece.
 */
export function createLogOutput(
  descriptor: number,
  complain: (sentence: string) => void,
  clock: () => number = Date.now,
  batchBytes = Number.POSITIVE_INFINITY,
): LogOutput {
  let quietUntil = 0

  function lose(cause: string): void {
    if (clock() < quietUntil) return
    quietUntil = clock() + complainMs
    complain(`Log lines are lost: ${cause}.`)
  }

  function writeAll(bytes: Buffer, done: () => void): void {
    writeTo(descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(writeAll, retryMs, bytes, done)
      } else if (error) {
        lose(error.message)
        done()
      } else if (written < bytes.length) {
        writeAll(bytes.subarray(written), done)
      } else {
        done()
      }
    })
  }

  function writeBatches([first = '', ...rest]: string[], done: () => void): void {
    writeAll(Buffer.from(first), rest.length === 0 ? done : () => writeBatches(rest, done))
  }

  const stream = new Writable({
    decodeStrings: false,
    write: (line, _encoding, done) => writeAll(Buffer.from(line), done),
    writev(batches, done) {
      const waiting = batches.map(({ chunk }) => chunk)
      writeBatches(inBatches(waiting, batchBytes), done)
    },
  })

  let gathered: string[] = []
  let gatheredLength = 0
  let timer: NodeJS.Timeout | null = null

  function release(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    for (const batch of inBatches(gathered, batchBytes)) stream.write(batch)
    gathered = []
    gatheredLength = 0
  }

  return {
    write(line) {
      if (stream.writableLength + gatheredLength + line.length > waitingLimit) {
        lose('nobody reads them fast enough')
        return
      }
      gathered.push(line)
      gatheredLength += line.length
      timer ??= setTimeout(release, gatherMs)
    },
    flush(limitMs) {
      release()
      return new Promise((resolve) => {
        const late = setTimeout(resolve, limitMs)
        stream.write('', () => {
          clearTimeout(late)
          resolve()
        })
      })
    },
  }
}

/** Whole lines together, up to `limit` bytes; a longer line is by itself. */
function inBatches(lines: readonly string[], limit: number): string[] {
  if (limit === Number.POSITIVE_INFINITY) return [lines.join('')]
  const batches: string[] = []
  let size = limit
  for (const line of lines) {
    const bytes = Buffer.byteLength(line)
    if (size + bytes > limit) {
      batches.push('')
      size = 0
    }
    batches[batches.length - 1] += line
    size += bytes
  }
  return batches
}
