// postgrest-js, unchanged, against a running daemon: every method that it has for tier 1.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { PostgrestClient } from '@supabase/postgrest-js'

const url = process.env.LINTAS_URL
// schema: as supabase-js does, the profile headers are always sent.
const db = new PostgrestClient(url, { schema: 'api' })
const plain = new PostgrestClient(url)
const alice = new PostgrestClient(url, { headers: { Authorization: `Bearer ${process.env.LINTAS_TOKEN}` } })
const rollback = new PostgrestClient(process.env.LINTAS_ROLLBACK_URL)

function ok(result, status = 200) {
  assert.equal(result.error, null, JSON.stringify(result.error))
  assert.equal(result.status, status)
  return result.data
}

async function empty(table, column = 'id') {
  ok(await db.from(table).delete().not(column, 'is', null), 204)
}

const people = [
  { id: 1, name: 'Ana', age: 17, email: 'ana@x' },
  { id: 2, name: 'Ben', age: 25, email: 'ben@x' },
  { id: 3, name: 'Cy', age: 40, email: null },
  { id: 4, name: 'Dee', age: 25, email: 'dee@x' },
]

async function reset() {
  await empty('tasks')
  await empty('people')
  await empty('bulk')
  ok(await db.from('people').insert(people), 201)
}

before(reset)

// Filters ------------------------------------------------------------------------------------------

const filters = [
  ['eq', (q) => q.eq('id', 3), [3]],
  ['neq', (q) => q.neq('id', 3), [1, 2, 4, 5, 6]],
  ['gt', (q) => q.gt('n', 20), [3, 5, 6]],
  ['gte', (q) => q.gte('n', 20), [2, 3, 5, 6]],
  ['lt', (q) => q.lt('n', 20), [1]],
  ['lte', (q) => q.lte('n', 20), [1, 2]],
  ['like', (q) => q.like('name', 'A%'), [1]],
  ['like with a star', (q) => q.like('name', 'A*'), [1]],
  ['likeAllOf', (q) => q.likeAllOf('name', ['%n%', 'A%']), [1]],
  ['likeAnyOf', (q) => q.likeAnyOf('name', ['A%', 'B%']), [1, 2]],
  ['ilike', (q) => q.ilike('name', 'a%'), [1, 3]],
  ['ilikeAllOf', (q) => q.ilikeAllOf('name', ['A%', '%S']), [3]],
  ['ilikeAnyOf', (q) => q.ilikeAnyOf('name', ['a%', 'b%']), [1, 2, 3]],
  ['regexMatch', (q) => q.regexMatch('name', '^A'), [1]],
  ['regexIMatch', (q) => q.regexIMatch('name', '^a'), [1, 3]],
  ['is null', (q) => q.is('flag', null), [3, 6]],
  ['is true', (q) => q.is('flag', true), [1, 4]],
  ['is false', (q) => q.is('flag', false), [2, 5]],
  ['isDistinct', (q) => q.isDistinct('n', 10), [2, 3, 4, 5, 6]],
  ['in', (q) => q.in('id', [1, 3]), [1, 3]],
  ['in, nothing', (q) => q.in('id', []), []],
  ['in, reserved characters', (q) => q.in('name', ['Anna', 'a,b', '(x)']), [1]],
  ['notIn', (q) => q.notIn('id', [1, 3]), [2, 4, 5, 6]],
  ['contains, array', (q) => q.contains('tags', ['red']), [1, 3]],
  ['contains, object', (q) => q.contains('doc', { s: 'one' }), [1]],
  ['contains, range', (q) => q.contains('span', '[2,3)'), [1, 6]],
  ['containedBy, array', (q) => q.containedBy('tags', ['red', 'blue']), [1, 5]],
  ['containedBy, object', (q) => q.containedBy('doc', { s: 'two', n: 2, k: { d: [30] }, x: 1 }), [2]],
  ['containedBy, range', (q) => q.containedBy('span', '[1,11)'), [1, 2, 5]],
  ['rangeGt', (q) => q.rangeGt('span', '[1,5)'), [2, 3]],
  ['rangeGte', (q) => q.rangeGte('span', '[5,10)'), [2, 3]],
  ['rangeLt', (q) => q.rangeLt('span', '[5,10)'), [1]],
  ['rangeLte', (q) => q.rangeLte('span', '[5,10)'), [1, 2]],
  ['rangeAdjacent', (q) => q.rangeAdjacent('span', '[5,10)'), [1, 3]],
  ['overlaps, range', (q) => q.overlaps('span', '[4,6)'), [1, 2, 6]],
  ['overlaps, array', (q) => q.overlaps('tags', ['green', 'x']), [2, 3]],
  ['textSearch', (q) => q.textSearch('words', 'rat'), [2]],
  ['textSearch with a configuration', (q) => q.textSearch('words', 'rats', { config: 'english' }), [2]],
  ['textSearch plain', (q) => q.textSearch('words', 'The Fat Rats', { type: 'plain', config: 'english' }), [2]],
  ['textSearch phrase', (q) => q.textSearch('words', 'fat rats', { type: 'phrase', config: 'english' }), [2]],
  ['textSearch websearch', (q) => q.textSearch('words', 'rats or dogs', { type: 'websearch', config: 'english' }), [2, 3]],
  ['textSearch on text', (q) => q.textSearch('story', 'jumping', { config: 'english' }), [3]],
  ['match', (q) => q.match({ id: 2, name: 'Bob' }), [2]],
  ['not eq', (q) => q.not('id', 'eq', 3), [1, 2, 4, 5, 6]],
  ['not is null', (q) => q.not('flag', 'is', null), [1, 2, 4, 5]],
  ['not in', (q) => q.not('id', 'in', '(1,2,3)'), [4, 5, 6]],
  ['not like', (q) => q.not('name', 'like', 'A%'), [2, 3, 5, 6]],
  ['or', (q) => q.or('id.eq.1,name.eq.Bob'), [1, 2]],
  ['or with and', (q) => q.or('id.eq.6,and(n.gt.10,n.lt.40)'), [2, 3, 6]],
  ['or with not', (q) => q.or('id.eq.6,name.not.is.null').lt('id', 3), [1, 2]],
  ['two ors are anded', (q) => q.or('id.eq.1,id.eq.2').or('id.eq.2,id.eq.3'), [2]],
  ['filter', (q) => q.filter('id', 'in', '("1","2")'), [1, 2]],
  ['filter on a JSON path', (q) => q.filter('doc->>s', 'eq', 'one'), [1]],
  ['several filters are anded', (q) => q.gt('id', 1).lt('id', 4), [2, 3]],
]

for (const [name, filter, expected] of filters) {
  test(`filter: ${name}`, async () => {
    const data = ok(await filter(db.from('probes').select('id')).order('id'))
    assert.deepEqual(data.map((row) => row.id), expected)
  })
}

// Select, order, windows ---------------------------------------------------------------------------

test('select: all columns, some columns, renamed, cast and JSON paths', async () => {
  assert.deepEqual(ok(await db.from('items').select().eq('id', 1)), [{ id: 1, name: 'item 1', qty: 10 }])
  assert.deepEqual(ok(await db.from('items').select('name, qty').eq('id', 1)), [{ name: 'item 1', qty: 10 }])
  assert.deepEqual(ok(await db.from('items').select('title:name, id::text').eq('id', 1)), [{ title: 'item 1', id: '1' }])
  assert.deepEqual(ok(await db.from('probes').select('doc->k->d->0, s:doc->>s').eq('id', 1)), [{ d: 10, s: 'one' }])
  assert.deepEqual(ok(await db.from('Odd Name').select('"with space", "dot.ted"').eq('id', 1)), [
    { 'with space': 's1', 'dot.ted': 'd1' },
  ])
})

test('order: directions, nulls and several columns', async () => {
  const ids = async (q) => ok(await q).map((row) => row.id)
  const probes = () => db.from('probes').select('id')
  assert.deepEqual(await ids(probes().order('n')), [1, 2, 3, 5, 6, 4])
  assert.deepEqual(await ids(probes().order('n', { ascending: false })), [4, 6, 5, 3, 2, 1])
  assert.deepEqual(await ids(probes().order('n', { ascending: false, nullsFirst: false })), [6, 5, 3, 2, 1, 4])
  assert.deepEqual(await ids(probes().order('n', { nullsFirst: true })), [4, 1, 2, 3, 5, 6])
  assert.deepEqual(await ids(probes().order('flag', { nullsFirst: false }).order('id', { ascending: false })), [5, 2, 4, 1, 6, 3])
})

test('limit and range', async () => {
  const items = () => db.from('items').select('id').order('id')
  assert.deepEqual(ok(await items().limit(2)), [{ id: 1 }, { id: 2 }])
  assert.deepEqual(ok(await items().range(3, 4)), [{ id: 4 }, { id: 5 }])
  assert.deepEqual(ok(await items().range(100, 200)), [])
})

for (const count of ['exact', 'planned', 'estimated']) {
  test(`count: ${count}`, async () => {
    const result = await db.from('items').select('*', { count })
    assert.equal(ok(result).length, 15)
    assert.equal(result.count, 15)
    const page = await db.from('items').select('id', { count }).order('id').range(0, 4)
    assert.equal(ok(page, 206).length, 5)
    assert.equal(page.count, 15)
    const head = await db.from('items').select('*', { count, head: true })
    assert.equal(head.error, null)
    assert.equal(head.data, null)
    assert.equal(head.count, 15)
  })
}

test('count of a filter, and a range beyond it', async () => {
  const some = await db.from('items').select('*', { count: 'exact' }).lt('id', 5)
  assert.equal(some.count, 4)
  const beyond = await db.from('items').select('*', { count: 'exact' }).range(100, 110)
  assert.equal(beyond.status, 416)
  assert.equal(beyond.error.code, 'PGRST103')
})

test('head without a count', async () => {
  const result = await db.from('items').select('*', { head: true })
  assert.equal(result.status, 200)
  assert.equal(result.error, null)
})

test('single', async () => {
  assert.deepEqual(ok(await db.from('items').select('id').eq('id', 1).single()), { id: 1 })
  const none = await db.from('items').select('id').eq('id', 0).single()
  assert.equal(none.status, 406)
  assert.equal(none.error.code, 'PGRST116')
  assert.equal(none.error.details, 'The result contains 0 rows')
  const many = await db.from('items').select('id').single()
  assert.equal(many.error.code, 'PGRST116')
  assert.equal(many.data, null)
})

test('maybeSingle', async () => {
  assert.deepEqual(ok(await db.from('items').select('id').eq('id', 1).maybeSingle()), { id: 1 })
  assert.equal(ok(await db.from('items').select('id').eq('id', 0).maybeSingle()), null)
  const many = await db.from('items').select('id').maybeSingle()
  assert.equal(many.error.code, 'PGRST116')
})

test('csv', async () => {
  const data = ok(await db.from('items').select('id,qty').lte('id', 2).order('id').csv())
  assert.equal(data, 'id,qty\n1,10\n2,20')
})

test('stripNulls', async () => {
  assert.deepEqual(ok(await db.from('probes').select('id,name').eq('id', 4).stripNulls()), [{ id: 4 }])
  assert.deepEqual(ok(await db.from('probes').select('id,name').eq('id', 4).single().stripNulls()), { id: 4 })
})

test('explain and geojson are refused, not misunderstood', async () => {
  for (const result of [await db.from('items').select().explain(), await db.from('items').select().geojson()]) {
    assert.ok(result.status === 406 || result.status === 400)
    assert.ok(['PGRST107', 'PGRST127'].includes(result.error.code))
  }
})

// Writes -------------------------------------------------------------------------------------------

test('insert: one, several, returned and not', async () => {
  await empty('bulk')
  assert.equal(ok(await db.from('bulk').insert({ id: 1, v: 'a' }), 201), null)
  assert.equal(ok(await db.from('bulk').insert([{ id: 2, v: 'b' }, { id: 3 }]), 201), null)
  assert.deepEqual(ok(await db.from('bulk').insert({ id: 4, v: 'é😀"\\' }).select(), 201), [{ id: 4, v: 'é😀"\\' }])
  assert.deepEqual(ok(await db.from('bulk').insert([{ id: 5, v: 'e' }, { id: 6, v: null }]).select('v'), 201), [
    { v: 'e' },
    { v: null },
  ])
  assert.deepEqual(ok(await db.from('bulk').insert({ id: 7 }).select().single(), 201), { id: 7, v: null })
  const counted = await db.from('bulk').insert([{ id: 8 }, { id: 9 }], { count: 'exact' })
  assert.equal(counted.count, 2)
  assert.equal(ok(await db.from('bulk').insert([]), 201), null)
})

test('insert: defaultToNull false takes the defaults', async () => {
  const rows = [{ code: 'a' }, { price: 5 }]
  const data = ok(await db.from('gadgets').insert(rows, { defaultToNull: false }).select('code,price,contact'), 201)
  assert.deepEqual(data, [
    { code: 'a', price: 9.99, contact: 'nobody@example.org' },
    { code: 'none', price: 5, contact: 'nobody@example.org' },
  ])
})

test('insert: a duplicate, a bad column, a missing value', async () => {
  const duplicate = await db.from('people').insert({ id: 1, name: 'again' })
  assert.equal(duplicate.status, 409)
  assert.equal(duplicate.error.code, '23505')
  const column = await db.from('people').insert({ nope: 1 })
  assert.equal(column.status, 400)
  assert.equal(column.error.code, 'PGRST204')
  assert.match(column.error.message, /'nope' column of 'people'/)
  const missing = await db.from('people').insert({ age: 1 })
  assert.equal(missing.error.code, '23502')
})

test('upsert: merge, ignore, onConflict', async () => {
  await reset()
  assert.deepEqual(
    ok(await db.from('people').upsert([{ id: 1, name: 'Ana II' }, { id: 9, name: 'Ivo' }]).select('id,name,age'), 201),
    [{ id: 1, name: 'Ana II', age: 17 }, { id: 9, name: 'Ivo', age: null }],
  )
  assert.equal(ok(await db.from('people').upsert({ id: 1, name: 'Ana III' }), 200), null)
  assert.deepEqual(
    ok(await db.from('people').upsert([{ id: 1, name: 'no' }, { id: 10, name: 'Jo' }], { ignoreDuplicates: true }).select('name'), 201),
    [{ name: 'Jo' }],
  )
  assert.deepEqual(
    ok(await db.from('people').upsert({ name: 'Ben II', email: 'ben@x' }, { onConflict: 'email' }).select('id,name'), 200),
    [{ id: 2, name: 'Ben II' }],
  )
  const counted = await db.from('people').upsert([{ id: 9, name: 'x' }, { id: 10, name: 'y' }], { count: 'exact' })
  assert.equal(counted.count, 2)
})

test('update', async () => {
  await reset()
  assert.equal(ok(await db.from('people').update({ age: 18 }).eq('id', 1), 204), null)
  assert.deepEqual(ok(await db.from('people').update({ age: 26 }).eq('age', 25).select('id').order('id')), [{ id: 2 }, { id: 4 }])
  assert.deepEqual(ok(await db.from('people').update({ age: 1 }).eq('id', 99).select()), [])
  const counted = await db.from('people').update({ age: 30 }, { count: 'exact' }).or('id.eq.1,id.eq.2')
  assert.equal(counted.count, 2)
  assert.deepEqual(ok(await db.from('people').update({ name: 'One' }).eq('id', 1).select('name').single()), { name: 'One' })
})

test('delete', async () => {
  await reset()
  assert.equal(ok(await db.from('people').delete().eq('id', 1), 204), null)
  assert.deepEqual(ok(await db.from('people').delete().eq('age', 25).select('id').order('id')), [{ id: 2 }, { id: 4 }])
  const counted = await db.from('people').delete({ count: 'exact' }).gt('id', 0)
  assert.equal(counted.count, 1)
})

test('maxAffected', async () => {
  await reset()
  const refused = await db.from('people').update({ age: 1 }).gt('id', 0).maxAffected(2)
  assert.equal(refused.status, 400)
  assert.equal(refused.error.code, 'PGRST124')
  assert.equal(ok(await db.from('people').select('id').eq('age', 1)).length, 0)
  ok(await db.from('people').update({ age: 1 }).lte('id', 2).maxAffected(2), 204)
  const kept = await db.from('people').delete().gt('id', 0).maxAffected(1)
  assert.equal(kept.error.code, 'PGRST124')
  assert.equal(ok(await db.from('people').select('id')).length, 4)
})

test('rollback', async () => {
  await reset()
  assert.deepEqual(ok(await rollback.from('bulk').insert({ id: 1, v: 'x' }).select().rollback(), 201), [{ id: 1, v: 'x' }])
  ok(await rollback.from('people').update({ age: 0 }).eq('id', 1).rollback(), 204)
  ok(await rollback.from('people').delete().eq('id', 1).rollback(), 204)
  assert.deepEqual(ok(await db.from('bulk').select()), [])
  assert.deepEqual(ok(await db.from('people').select('age').eq('id', 1)), [{ age: 17 }])
})

// Everything else ----------------------------------------------------------------------------------

test('schema', async () => {
  const other = plain.schema('other')
  assert.deepEqual(ok(await other.from('items').select()), [{ id: 1, label: 'of the other schema' }])
  ok(await other.from('only_here').insert({ id: 1 }), 201)
  ok(await other.from('only_here').delete().eq('id', 1), 204)
  const hidden = await plain.schema('internal').from('items').select()
  assert.equal(hidden.status, 406)
  assert.equal(hidden.error.code, 'PGRST106')
})

test('rpc answers PGRST127 for now', async () => {
  for (const call of [db.rpc('add', { a: 1, b: 2 }), db.rpc('add', { a: 1, b: 2 }, { get: true })]) {
    const result = await call
    assert.equal(result.status, 400)
    assert.equal(result.error.code, 'PGRST127')
    assert.equal(result.data, null)
  }
  const head = await db.rpc('add', { a: 1, b: 2 }, { head: true })
  assert.equal(head.status, 400)
})

test('embedding answers PGRST127 for now', async () => {
  const result = await db.from('tasks').select('id, people(name)')
  assert.equal(result.status, 400)
  assert.equal(result.error.code, 'PGRST127')
})

test('errors have their four fields', async () => {
  const table = await db.from('nope').select()
  assert.equal(table.status, 404)
  assert.equal(table.error.code, 'PGRST205')
  assert.match(table.error.message, /'api.nope'/)
  const value = await db.from('items').select().eq('id', 'abc')
  assert.equal(value.error.code, '22P02')
  assert.deepEqual(Object.keys(value.error).sort(), ['code', 'details', 'hint', 'message'])
})

test('throwOnError', async () => {
  await assert.rejects(async () => await db.from('nope').select().throwOnError(), { code: 'PGRST205' })
  assert.equal(ok(await db.from('items').select().limit(1).throwOnError()).length, 1)
})

test('abortSignal', async () => {
  const controller = new AbortController()
  const waiting = db.from('naps').select('nap').eq('id', 4).abortSignal(controller.signal)
  setTimeout(() => controller.abort(), 50)
  const began = Date.now()
  const result = await waiting
  assert.ok(Date.now() - began < 2000)
  assert.match(result.error.message, /Abort/)
  assert.equal(ok(await db.from('items').select('id').limit(1)).length, 1)
})

test('a signed-in user sees her own rows', async () => {
  assert.deepEqual(ok(await alice.from('notes').select('body').order('id')), [{ body: 'of alice 1' }, { body: 'of alice 2' }])
  const refused = await alice.from('private').select()
  assert.equal(refused.status, 403)
  const stranger = await plain.from('private').select()
  assert.equal(stranger.status, 401)
  const forged = await plain.from('items').select().setHeader('Authorization', 'Bearer x.y.z')
  assert.equal(forged.error.code, 'PGRST301')
})

test('many at once', async () => {
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, i) => db.from('items').select('id').eq('id', 1 + (i % 15)).single()),
  )
  results.forEach((result, i) => assert.deepEqual(ok(result), { id: 1 + (i % 15) }))
})
