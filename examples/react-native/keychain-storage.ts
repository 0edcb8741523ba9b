import type { TokenStorage } from 'latchkey/client'
import * as Keychain from 'react-native-keychain'

/**
 * Keeps the token in the iOS Keychain or behind the Android Keystore. It does not leave the device with a backup, and is there
 * for a rotation in the background once the device was unlocked since it started.
 */
export function keychainStorage(service = 'latchkey'): TokenStorage {
  return {
    async get() {
      const entry = await Keychain.getGenericPassword({ service })
      return entry === false ? null : entry.password
    },
    async set(text) {
      if (text === null) await Keychain.resetGenericPassword({ service })
      else {
        await Keychain.setGenericPassword('token', text, {
          service,
          accessible: Keychain.ACCESSIBLE.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY,
        })
      }
    },
  }
}
