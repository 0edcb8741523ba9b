import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { printable } from './output.ts'

/** More than any password or token that is accepted. */
const secretMaxBytes = 65_536

/**
 * A new password: asked for twice without echo on a terminal, or with `--password-stdin` read from standard input. Wrong
 * usage where there is neither.
 */
export async function askNewPassword(command: Command, fromInput: boolean | undefined): Promise<string> {
  if (process.stdin.isTTY) {
    const [password, repeated] = await askHidden('Password: ', 'Again: ')
    if (password !== repeated) throw new Error('The two are not the same. Nothing was changed.')
    return password as string // as many answers as questions
  }
  if (fromInput) return readSecretLine('password')
  return command.error('error: there is no terminal to ask for the password on; use --password-stdin')
}

/** A token, from a prompt without echo or from standard input: as an argument it would stay in the shell's history. */
export async function askToken(): Promise<string> {
  const text = process.stdin.isTTY ? (await askHidden('Token: '))[0] : await readSecretLine('token')
  return (text as string).trim() // one answer to one question
}

/** Asks for a yes. Wrong usage where there is no terminal to ask on; the caller has looked at `--yes`. */
export async function confirm(command: Command, question: string): Promise<void> {
  if (!process.stdin.isTTY) command.error('error: there is no terminal to confirm this on; use --yes')
  const [answer] = await askLines([`${printable(question)} [y/N] `], process.stderr)
  if (!/^y(es)?$/i.test((answer as string).trim())) throw new Error('Nothing was changed.')
}

function askHidden(...questions: string[]): Promise<string[]> {
  return askLines(questions, new Writable({ write: (_chunk, _encoding, done) => done() }))
}

/** Questions go to standard error, so that standard output carries results alone; `echo` gets what is typed. */
async function askLines(questions: string[], echo: NodeJS.WritableStream): Promise<string[]> {
  const hidden = echo !== process.stderr
  const terminal = createInterface({ input: process.stdin, output: echo, terminal: true, historySize: 0 })
  terminal.once('SIGINT', () => terminal.close())
  const lines = terminal[Symbol.asyncIterator]() // keeps lines that are pasted before they are asked for
  try {
    const answers: string[] = []
    for (const question of questions) {
      if (hidden) process.stderr.write(question)
      else {
        terminal.setPrompt(question)
        terminal.prompt()
      }
      const { value, done } = await lines.next()
      if (hidden || done) process.stderr.write('\n')
      if (done) throw new Error('Cancelled. Nothing was changed.')
      answers.push(value)
    }
    return answers
  } finally {
    terminal.close()
  }
}

/** All of standard input but one line break at its end. */
async function readSecretLine(what: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += chunk.length
    if (size > secretMaxBytes) throw new Error(`Standard input is too long for a ${what}.`)
    chunks.push(chunk)
  }
  const text = decode(Buffer.concat(chunks), what).replace(/\r?\n$/, '')
  if (text === '') throw new Error(`No ${what} came on standard input.`)
  if (/[\r\n]/.test(text)) throw new Error(`Standard input has more than one line; a ${what} is one.`)
  return text
}

function decode(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`The ${what} on standard input is not UTF-8.`)
  }
}

/** Shows how far long work has come on one line of the terminal; the returned function takes the line away. */
export function showProgress(): { show(text: string): void; clear(): void } {
  const shown = process.stderr.isTTY
  return {
    show: (text) => shown && process.stderr.write(`\r\x1b[K${text}`),
    clear: () => shown && process.stderr.write('\r\x1b[K'),
  }
}
