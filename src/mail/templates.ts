import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mail } from '../auth/mails.ts'
import { placeholdersOf, texts } from './texts.ts'
import type { MailContent, MailWriters } from './writers.ts'

/** A mail as it is sent. */
export interface WrittenMail {
  to: string
  subject: string
  text: string
  html: string
}

/** Writes mails; `links` have a place for the token. */
export type WriteMail = (mail: Mail) => Promise<WrittenMail>

type Kind = Mail['kind']

interface Template {
  subject: string
  text: string
  /** Null for one that follows the text. */
  html: string | null
}

const kinds = Object.keys(texts) as Kind[]

const placeholder = /\{(\w+)\}/g

/**
 * Writes mails from the built-in texts and those of a folder: `reset.txt` takes the place of the text for `reset`, and
 * `reset.html` of the HTML that is else made from the text. A function of the application's comes before both. Throws an
 * `Error` with all that is wrong with the folder.
 */
export function createWriteMail(
  folder: string,
  linkOf: (mail: Mail) => string,
  writers: MailWriters = {},
): WriteMail {
  const templates = loadTemplates(folder)
  return async (mail) => {
    const values = cleanValues({ ...mail.values, link: linkOf(mail) })
    const writer = writers[mail.kind] as ((values: object) => MailContent | Promise<MailContent>) | undefined
    if (writer !== undefined) {
      const { subject, text, html } = await writer(pick(values, placeholdersOf(mail.kind)))
      return { to: mail.to, subject, text, html: html ?? toHtml(text, subject, values.link) }
    }
    const { subject, text, html } = templates.get(mail.kind) as Template // there is one for each kind
    return {
      to: mail.to,
      subject,
      text: fill(text, values),
      html: fill(html ?? toHtml(text, subject), values, escapeHtml),
    }
  }
}

/** Those of the values that a kind of mail may mention. */
function pick(values: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, values[name] as string]))
}

function loadTemplates(folder: string): Map<Kind, Template> {
  const files = new Map<string, string>()
  const problems: string[] = []
  for (const name of folder === '' ? [] : readdirSync(folder)) {
    if (!/\.(txt|html)$/.test(name)) continue // notes, and what editors leave behind
    const kind = name.replace(/\.\w+$/, '') as Kind
    if (kinds.includes(kind))
      files.set(name, readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n'))
    else problems.push(`${name} is no mail; there are ${kinds.join(', ')}.`)
  }
  for (const [name, source] of files) problems.push(...findProblems(name, source))
  if (problems.length > 0)
    throw new Error(`MAIL_TEMPLATES cannot be used:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
  return new Map(
    kinds.map((kind) => {
      const [first = '', ...rest] = (files.get(`${kind}.txt`) ?? texts[kind]).split('\n')
      const text = `${rest.join('\n').trim()}\n`
      return [
        kind,
        { subject: first.replace(/^Subject: */, '').trim(), text, html: files.get(`${kind}.html`) ?? null },
      ]
    }),
  )
}

function findProblems(name: string, source: string): string[] {
  const kind = name.replace(/\.\w+$/, '') as Kind
  const known = placeholdersOf(kind)
  const used = [...source.matchAll(placeholder)].map(([, word = '']) => word)
  const problems = used
    .filter((word) => !known.includes(word))
    .map(
      (word) =>
        `${name}: {${word}} is nothing it can mention; there are ${known.map((one) => `{${one}}`).join(', ')}.`,
    )
  if (known.includes('link') && !used.includes('link') && !used.includes('token')) {
    problems.push(`${name}: it needs {link} or {token}.`)
  }
  const [first = ''] = source.split('\n')
  if (name.endsWith('.txt') && !/^Subject: *[^\s{}][^{}]*$/.test(first)) {
    problems.push(`${name}: the first line has to be "Subject: …", without placeholders.`)
  }
  return problems
}

/** What a template may mention was checked at the start, and is there. */
function fill(template: string, values: Record<string, string>, write = (text: string) => text): string {
  return template.replace(placeholder, (_all, word: string) => write(values[word] as string))
}

/** One line each, and nothing that turns the direction of text or hides in it. */
function cleanValues(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([word, value]) => [word, value.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')]),
  )
}

/** The same as HTML: a paragraph for each, and links that can be clicked. */
function toHtml(text: string, subject: string, link = '{link}'): string {
  const paragraphs = text
    .trim()
    .split(/\n\n+/)
    .map((paragraph) =>
      paragraph === link
        ? `<p><a href="${escapeHtml(link)}">${escapeHtml(subject)}</a></p>\n<p><small>${escapeHtml(link)}</small></p>`
        : `<p>${escapeHtml(paragraph).replaceAll('\n', '<br>\n')}</p>`,
    )
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="font-family: sans-serif; line-height: 1.5">
${paragraphs.join('\n')}
</body>
</html>
`
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character] as string)
}
