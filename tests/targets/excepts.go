// SPDX-License-Identifier: MIT

// excepts.go: Go panics on all their ways; see excepts.cc.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

type Custom struct {
	Code int
}

type Failure struct {
	Code int
}

func (f *Failure) Error() string { return fmt.Sprint("failure ", f.Code) }

var (
	nilMap   map[string]int
	nilPoint *Custom
	three    = []int{1, 2, 3}
	zero     int
	any      interface{} = "text"
	kept     int
)

//go:noinline
func G5(n int) int {
	if n > 0 {
		panic("plain words") // G5LINE
	}
	return n
}

//go:noinline
func G4(n int) int { return G5(n) + 1 }

//go:noinline
func G3(n int) int { return G4(n) + 1 }

//go:noinline
func G2(n int) int { return G3(n) + 1 }

//go:noinline
func G1(n int) int { return G2(n) + 1 }

//go:noinline
func PanicError(n int) int { panic(errors.New("an error")) }

//go:noinline
func PanicFailure(n int) int { panic(&Failure{n}) }

//go:noinline
func PanicWrapped(n int) int { panic(fmt.Errorf("wrapped: %w", os.ErrNotExist)) }

//go:noinline
func PanicCustom(n int) int { panic(Custom{n}) }

//go:noinline
func PanicInt(n int) int { panic(n) }

//go:noinline
func Index(n int) int { return three[n] }

//go:noinline
func NilMap(n int) int { nilMap["x"] = n; return n }

//go:noinline
func NilPointer(n int) int { return nilPoint.Code + n }

//go:noinline
func Divide(n int) int { return n / zero }

//go:noinline
func Assertion(n int) int { return any.(int) + n }

//go:noinline
func Closed(n int) int {
	c := make(chan int)
	close(c)
	close(c)
	return n
}

// Catch recovers what f panics with.
//
//go:noinline
func Catch(f func(int) int, n int) (r interface{}) {
	defer func() { r = recover() }()
	kept += f(n)
	return nil
}

// Again panics with something else while the first panic runs its deferred calls.
//
//go:noinline
func Again(n int) int {
	defer func() { panic("another") }()
	return G5(n)
}

// Inner recovers from another panic while the first one runs its deferred calls.
//
//go:noinline
func Inner(n int) int {
	defer func() { Catch(PanicInt, 5) }()
	return G5(n)
}

// Exiting ends a goroutine: no panic.
func Exiting(wg *sync.WaitGroup) {
	defer wg.Done()
	func() { kept++ }()
}

var truths []string

func say(format string, args ...interface{}) { truths = append(truths, fmt.Sprintf("{"+format+"}", args...)) }

const g5 = "main.G5 main.G4 main.G3 main.G2 main.G1"

func caught() {
	rows := []struct {
		f      func(int) int
		n      int
		kind   string
		text   string
		frames string
	}{
		{G1, 1, "string", `"plain words"`, g5},
		{PanicError, 1, "*errors.errorString", `"an error"`, "main.PanicError"},
		{PanicFailure, 1, "*main.Failure", `{"unavailable":"*"}`, "main.PanicFailure"},
		{PanicWrapped, 1, "*fmt.wrapError", `"wrapped: file does not exist"`, "main.PanicWrapped"},
		{PanicCustom, 7, "main.Custom", `{"unavailable":"*"}`, "main.PanicCustom"},
		{PanicInt, 42, "int", `"42"`, "main.PanicInt"},
		{Index, 5, "runtime.boundsError", `"runtime error: index out of range [5] with length 3"`, "main.Index"},
		{NilMap, 1, "runtime.plainError", `"assignment to entry in nil map"`, "main.NilMap"},
		{NilPointer, 1, "runtime.errorString", `"runtime error: invalid memory address or nil pointer dereference"`, "main.NilPointer"},
		{Divide, 1, "runtime.runtimeError", `"runtime error: integer divide by zero"`, "main.Divide"},
		{Assertion, 1, "*runtime.TypeAssertionError", "", "main.Assertion"},
		{Closed, 1, "runtime.plainError", `"close of closed channel"`, "main.Closed"},
	}
	for _, r := range rows {
		value := Catch(r.f, r.n)
		kind := fmt.Sprintf("%T", value)
		if r.text != "" {
			r.text = `"message":` + r.text + `,`
		}
		say(`"exception_type":"%s",%s"outcome":"recovered","caught_in":"main.Catch","frames":"%s main.Catch"`, kind, r.text, r.frames)
	}
	Catch(G1, 0)
	Catch(Again, 1)
	say(`"exception_type":"string","message":"plain words","outcome":"replaced","frames":"main.G5 main.Again main.Catch"`)
	say(`"exception_type":"string","message":"another","outcome":"recovered","caught_in":"main.Catch","frames":"main.Again.func1"`)
	Catch(Inner, 1)
	say(`"exception_type":"string","message":"plain words","outcome":"recovered","caught_in":"main.Catch","frames":"main.G5 main.Inner main.Catch"`)
	say(`"exception_type":"int","message":"5","outcome":"recovered","caught_in":"main.Catch","frames":"main.PanicInt main.Catch"`)
	goroutines()
}

func goroutines() {
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(2)
		go Exiting(&wg)
		go func() {
			defer wg.Done()
			Catch(PanicInt, 100)
		}()
		say(`"exception_type":"int","message":"100","outcome":"recovered","caught_in":"main.Catch","frames":"main.PanicInt main.Catch"`)
	}
	wg.Wait()
}

func printAll() {
	fmt.Printf("{\"target\":\"excepts\",\"varies\":true,\"said\":[%s]}\n", strings.Join(truths, ",\n"))
}

func main() {
	mode := ""
	if len(os.Args) > 3 {
		mode = os.Args[3]
	}
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	in.ReadString('\n')
	switch mode {
	case "uncaught":
		say(`"exception_type":"string","message":"plain words","outcome":"uncaught","frames":"%s"`, g5)
		printAll()
		G1(1)
	case "error":
		say(`"exception_type":"*errors.errorString","message":"an error","outcome":"uncaught","frames":"main.PanicError"`)
		printAll()
		PanicError(1)
	case "nil":
		say(`"exception_type":"runtime.errorString","message":"runtime error: invalid memory address or nil pointer dereference","outcome":"uncaught","frames":"main.NilPointer"`)
		printAll()
		NilPointer(1)
	default:
		caught()
		printAll()
		in.ReadString('\n')
	}
}
