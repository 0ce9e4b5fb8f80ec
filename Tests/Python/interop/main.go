// Checks a log with Go's own sumdb/note and sumdb/tlog, which share no code with ours.
//
// Usage: checklog VKEY DIRECTORY OLD_CHECKPOINT PROOF ENTRY WITNESS_VKEY. Prints "good" and exits 0, or says what is wrong and exits 1.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"checklog/note"
	"checklog/tlog"
)

type head struct {
	size int64
	root tlog.Hash
}

// open verifies a checkpoint's signature and reads its text (C2SP tlog-checkpoint).
func open(message []byte, verifier note.Verifier) (head, error) {
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return head{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return head{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return head{size, root}, err
}

// cosigner verifies cosignatures (C2SP tlog-cosignature); sumdb/note asks it for the lines with its name and hash.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), message...)
	return ed25519.Verify(c.key, signed, signature[8:])
}

// newCosigner reads a witness's vkey: type 4, and the hash of name, newline, type and key.
func newCosigner(vkey string) (cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return cosigner{}, errors.New("not a witness key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return cosigner{}, errors.New("not a witness key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return cosigner{}, errors.New("the witness key's hash is wrong")
	}
	return cosigner{parts[0], hash, key[1:]}, nil
}

// checkCosigned demands the log's signature and the witness's, and nothing wrong beside them.
func checkCosigned(message []byte, log note.Verifier, vkey string) error {
	witness, err := newCosigner(vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open(message, note.VerifierList(log, witness))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != 2 {
		return errors.New("the checkpoint is not cosigned")
	}
	return nil
}

// entries reads the bundles (C2SP tlog-tiles, "Log entries").
func entries(directory string, size int64) ([][]byte, error) {
	var found [][]byte
	for first := int64(0); first < size; first += 256 {
		index := first / 256
		name := fmt.Sprintf("%03d", index%1000)
		for index >= 1000 {
			index /= 1000
			name = fmt.Sprintf("x%03d/%s", index%1000, name)
		}
		path := filepath.Join(directory, "tile", "entries", name)
		if size-first < 256 {
			path = filepath.Join(path+".p", strconv.FormatInt(size-first, 10))
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New(path + ": cannot be cut into entries")
			}
			length := int(binary.BigEndian.Uint16(data))
			found = append(found, data[2:2+length])
			data = data[2+length:]
		}
	}
	if int64(len(found)) != size {
		return nil, fmt.Errorf("%d entries instead of %d", len(found), size)
	}
	return found, nil
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		if index >= int64(len(h)) {
			return nil, errors.New("no such hash")
		}
		out = append(out, h[index])
	}
	return out, nil
}

// checkProof checks a C2SP tlog-proof.
func checkProof(proof, entry []byte, verifier note.Verifier) error {
	parts := bytes.SplitN(proof, []byte("\n\n"), 2)
	if len(parts) != 2 {
		return errors.New("not a proof")
	}
	lines := strings.Split(string(parts[0]), "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return errors.New("not a proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != 32 {
			return errors.New("not a hash")
		}
		path = append(path, tlog.Hash(hash))
	}
	head, err := open(parts[1], verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, head.size, head.root, index, tlog.RecordHash(entry))
}

func check(arguments []string) error {
	verifier, err := note.NewVerifier(strings.SplitN(arguments[0], "\n", 2)[0])
	if err != nil {
		return err
	}
	message, err := os.ReadFile(filepath.Join(arguments[1], "checkpoint"))
	if err != nil {
		return err
	}
	now, err := open(message, verifier)
	if err != nil {
		return err
	}
	if err := checkCosigned(message, verifier, arguments[5]); err != nil {
		return err
	}
	records, err := entries(arguments[1], now.size)
	if err != nil {
		return err
	}
	var stored hashes
	for index, record := range records {
		more, err := tlog.StoredHashes(int64(index), record, stored)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(now.size, stored)
	if err != nil {
		return err
	}
	if root != now.root {
		return errors.New("the entries do not give the root")
	}
	message, err = os.ReadFile(arguments[2])
	if err != nil {
		return err
	}
	old, err := open(message, verifier)
	if err != nil {
		return err
	}
	tree, err := tlog.ProveTree(now.size, old.size, stored)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(tree, now.size, now.root, old.size, old.root); err != nil {
		return err
	}
	proof, err := os.ReadFile(arguments[3])
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(arguments[4])
	if err != nil {
		return err
	}
	return checkProof(proof, entry, verifier)
}

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("good")
}
