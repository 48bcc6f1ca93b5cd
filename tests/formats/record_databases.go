// Writes databases whose files have what a day's work of step-ca does not leave behind: many tables
// and levels, several value logs, logs cleaned up (rows moved), rows changed and removed, and a
// process that ended without closing. Beside each, rows.json: what its own library reads.
//
//	go run . OUTDIR        (modules: badger v1.6.2, badger/v2 v2.2007.4, bbolt v1.4.3)
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"

	badger1 "github.com/dgraph-io/badger"
	badger2 "github.com/dgraph-io/badger/v2"
	options2 "github.com/dgraph-io/badger/v2/options"
	"go.etcd.io/bbolt"
)

type rows map[string]map[string]string

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func part(text string) []byte {
	out := binary.LittleEndian.AppendUint16(nil, uint16(len(text)))
	return append(out, text...)
}

func name(table, key string) []byte { return append(part(table), part(key)...) }

var tables = []string{"x509_certs", "nonces", "acme_external_account_keyID_provisionerID_index"}

// work calls set (nil: delete) in the same way each time.
func work(count int, set func(table, key string, value []byte)) {
	random := rand.New(rand.NewSource(7))
	for number := 0; number < count; number++ {
		table, key := tables[number%3], fmt.Sprint(random.Intn(count/3))
		if random.Intn(5) == 0 {
			set(table, key, nil)
			continue
		}
		length := random.Intn(80)
		if random.Intn(4) == 0 {
			length = 900 + random.Intn(900)
		}
		value := make([]byte, length)
		for place := range value {
			value[place] = byte(number + place/7)
		}
		set(table, key, value)
	}
}

func save(folder string, found rows) {
	data, err := json.Marshal(found)
	check(err)
	check(os.WriteFile(filepath.Join(folder, "rows.json"), data, 0o644))
}

func (found rows) add(table, key, value []byte) {
	if found[string(table)] == nil {
		found[string(table)] = map[string]string{}
	}
	found[string(table)][base64.StdEncoding.EncodeToString(key)] = base64.StdEncoding.EncodeToString(value)
}

func (found rows) addBadger(key, value []byte) {
	length := int(binary.LittleEndian.Uint16(key))
	if len(key) > 2+length {
		found.add(key[2:2+length], key[4+length:], value)
	}
}

// Each keeps the state that a kill would leave in `crashed` and the closed one in `closed`.
func copied(from, to string) {
	check(os.MkdirAll(to, 0o755))
	check(exec.Command("cp", "-r", from, filepath.Join(to, "db")).Run())
	os.Remove(filepath.Join(to, "db", "LOCK"))
}

func first(out string, count int) {
	place := filepath.Join(out, "work1")
	opt := badger1.DefaultOptions(place).WithMaxTableSize(32 << 10).WithValueLogFileSize(1 << 20).
		WithLevelOneSize(64 << 10).WithNumMemtables(1).WithLogger(nil).WithSyncWrites(false).WithNumLevelZeroTables(2)
	db, err := badger1.Open(opt)
	check(err)
	work(count, func(table, key string, value []byte) {
		check(db.Update(func(txn *badger1.Txn) error {
			if value == nil {
				return txn.Delete(name(table, key))
			}
			return txn.Set(name(table, key), value)
		}))
	})
	for db.RunValueLogGC(0.01) == nil {
	}
	dump := func(folder string) {
		found := rows{}
		check(db.View(func(txn *badger1.Txn) error {
			it := txn.NewIterator(badger1.DefaultIteratorOptions)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				value, err := it.Item().ValueCopy(nil)
				check(err)
				found.addBadger(it.Item().KeyCopy(nil), value)
			}
			return nil
		}))
		save(folder, found)
	}
	copied(place, filepath.Join(out, "badgerv1-killed"))
	dump(filepath.Join(out, "badgerv1-killed"))
	check(db.Close())
	copied(place, filepath.Join(out, "badgerv1-worn"))
	db, err = badger1.Open(opt)
	check(err)
	dump(filepath.Join(out, "badgerv1-worn"))
	check(db.Close())
}

func second(out, label string, count int, change func(badger2.Options) badger2.Options) {
	place := filepath.Join(out, "work2"+label)
	opt := change(badger2.DefaultOptions(place).WithMaxTableSize(32 << 10).WithValueLogFileSize(1 << 20).
		WithLevelOneSize(64 << 10).WithNumMemtables(1).WithLogger(nil).WithSyncWrites(false).WithNumLevelZeroTables(2))
	db, err := badger2.Open(opt)
	check(err)
	work(count, func(table, key string, value []byte) {
		check(db.Update(func(txn *badger2.Txn) error {
			if value == nil {
				return txn.Delete(name(table, key))
			}
			return txn.Set(name(table, key), value)
		}))
	})
	for db.RunValueLogGC(0.01) == nil {
	}
	dump := func(folder string) {
		found := rows{}
		check(db.View(func(txn *badger2.Txn) error {
			it := txn.NewIterator(badger2.DefaultIteratorOptions)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				value, err := it.Item().ValueCopy(nil)
				check(err)
				found.addBadger(it.Item().KeyCopy(nil), value)
			}
			return nil
		}))
		save(folder, found)
	}
	copied(place, filepath.Join(out, "badgerv2-killed"+label))
	dump(filepath.Join(out, "badgerv2-killed"+label))
	check(db.Close())
	copied(place, filepath.Join(out, "badgerv2-worn"+label))
	db, err = badger2.Open(opt)
	check(err)
	dump(filepath.Join(out, "badgerv2-worn"+label))
	check(db.Close())
}

func third(out string, count int) {
	folder := filepath.Join(out, "bbolt-worn")
	check(os.MkdirAll(filepath.Join(folder, "db"), 0o755))
	db, err := bbolt.Open(filepath.Join(folder, "db", "stepca.bolt"), 0o644, &bbolt.Options{NoSync: true})
	check(err)
	work(count, func(table, key string, value []byte) {
		check(db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte(table))
			check(err)
			if value == nil {
				return bucket.Delete([]byte(key))
			}
			if len(value) > 1700 { // over several pages
				value = append(value, make([]byte, 9000)...)
			}
			return bucket.Put([]byte(key), value)
		}))
	})
	found := rows{}
	check(db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("empty"))
		return err
	}))
	check(db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(table []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(key, value []byte) error {
				found.add(table, key, value)
				return nil
			})
		})
	}))
	save(folder, found)
	check(db.Close())
}

func main() {
	out := os.Args[1]
	same := func(opt badger2.Options) badger2.Options { return opt }
	first(out, 6000)
	second(out, "", 6000, same)
	second(out, "-snappy", 60, func(opt badger2.Options) badger2.Options { return opt.WithCompression(options2.Snappy) })
	second(out, "-encrypted", 60, func(opt badger2.Options) badger2.Options {
		return opt.WithEncryptionKey([]byte("0123456789abcdef"))
	})
	third(out, 2500)
}
