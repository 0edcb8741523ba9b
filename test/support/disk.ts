import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A disk that is soon full, or null where none can be mounted. */
export function mountSmallDisk(t: Test, size: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-disk-'))
  t.teardown(() => {
    spawnSync('umount', ['-l', folder])
    rmdirSync(folder)
  })
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0) return folder
  t.pass('no small disk can be mounted here: that takes root')
  return null
}

/** Takes all the room that is left; what it returns gives it back. */
export function fillDisk(folder: string): () => void {
  const files: string[] = []
  for (;;) {
    const file = join(folder, `filler${files.length}`)
    files.push(file)
    try {
      writeFileSync(file, Buffer.alloc(16_384))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      return () => files.forEach((name) => void rmSync(name, { force: true }))
    }
  }
}
