import { LRUCache } from 'lru-cache'

/**
 * Keeps up to `size` values, those that were used last. It takes memory as it fills: where the library knows a number
 * (`max`) it sets all of it aside at once, which a process with some caches of 100,000 feels at its start.
 */
export function createLru<Value extends object | true>(
  size: number,
  dispose?: (value: Value) => void,
): LRUCache<string, Value> {
  return new LRUCache<string, Value>({
    maxSize: size,
    sizeCalculation: () => 1,
    ...(dispose === undefined ? {} : { dispose }),
  })
}
