import { expect, test } from 'vitest';
import { networkOf } from '../../../src/store/accounts/login_attempts.js';

// A single host often has all addresses below its first 64 bits, and would have as many tries.
test('addresses of one IPv6 network count as one, IPv4 addresses each for itself', () => {
  expect(networkOf('192.0.2.7')).toBe('192.0.2.7');
  expect(networkOf('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
  expect(networkOf('2001:DB8:1:2::1')).toBe('2001:db8:1:2');
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0');
  expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0');
  expect(networkOf('::1')).toBe('0:0:0:0');
  expect(networkOf('')).toBe('');
});
