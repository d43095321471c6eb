// SPDX-License-Identifier: MIT

// Goroutines whose stacks grow and move inside traced calls, that change threads in the middle of them, panic,
// recover, and end in them. Arguments and protocol as in target.h.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

var sum int64

//go:noinline
func Grow(n int) int {
	var a [64]int
	a[n%64] = n
	if n == 0 {
		return a[0] + 1
	}
	return Grow(n-1) + a[n%64]
}

//go:noinline
func Work(n int) int { return Grow(n) + 1 }

//go:noinline
func Leaf(n int) int { return n + 1 }

//go:noinline
func Hop(n int) int {
	r := Leaf(n)
	runtime.Gosched()
	r += Leaf(n)
	return r
}

//go:noinline
func Pinned(n int) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return Hop(n) + 1
}

//go:noinline
func Risky(n int) int {
	if n%3 == 0 {
		panic("every third")
	}
	return Leaf(n) + 1
}

//go:noinline
func Between(n int) int { return Risky(n) + 1 }

//go:noinline
func OnExit() { atomic.AddInt64(&sum, 1) }

//go:noinline
func Guarded(n int) (r int) {
	defer OnExit()
	defer func() {
		if recover() != nil {
			r = -1
		}
	}()
	return Between(n)
}

//go:noinline
func Ends(n int) int {
	if n >= 0 {
		runtime.Goexit()
	}
	return Leaf(n)
}

type expectation struct {
	kind, function, what string
	count                int
}

func wait(say string) {
	if say != "" {
		fmt.Println(say)
	}
	b := []byte{0}
	for {
		n, err := os.Stdin.Read(b)
		if err != nil || n == 0 || b[0] == '\n' {
			return
		}
	}
}

func worker(i int) {
	r := Work(20 + i%50)
	r += Hop(i) + Pinned(i) + Guarded(i)
	done := make(chan bool)
	go func() {
		defer close(done)
		Ends(i)
	}()
	<-done
	atomic.AddInt64(&sum, int64(r))
}

func main() {
	n, threads := 100, 1
	if len(os.Args) > 1 {
		n, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		threads, _ = strconv.Atoi(os.Args[2])
	}
	runtime.GOMAXPROCS(threads)
	wait("ready")
	total := n * threads
	var group sync.WaitGroup
	next := int64(-1)
	for t := 0; t < 4*threads; t++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				i := int(atomic.AddInt64(&next, 1))
				if i >= total {
					return
				}
				if i%2 == 0 {
					worker(i)
					continue
				}
				fresh := make(chan bool)
				go func() { worker(i); close(fresh) }()
				<-fresh
			}
		}()
	}
	group.Wait()

	bad, grows := (total+2)/3, 0
	for i := 0; i < total; i++ {
		grows += 20 + i%50 + 1
	}
	expect := []expectation{
		{"calls", "main.Work", "return", total},
		{"calls", "main.Grow", "return", grows},
		{"calls", "main.Hop", "return", 2 * total},
		{"calls", "main.Leaf", "return", 4*total + total - bad},
		{"calls", "main.Pinned", "return", total},
		{"calls", "main.Risky", "return", total - bad},
		{"calls", "main.Risky", "panic", bad},
		{"calls", "main.Between", "return", total - bad},
		{"calls", "main.Between", "panic", bad},
		{"calls", "main.Guarded", "return", total},
		{"calls", "main.OnExit", "return", total},
		{"calls", "main.Ends", "thread_exit", total},
		{"parent", "main.Grow", "main.Work", total},
		{"parent", "main.Grow", "main.Grow", grows - total},
		{"parent", "main.Leaf", "main.Hop", 4 * total},
		{"parent", "main.Leaf", "main.Risky", total - bad},
		{"parent", "main.Hop", "main.Pinned", total},
		{"parent", "main.Hop", "", total},
		{"parent", "main.Risky", "main.Between", total},
	}
	var b strings.Builder
	for i, e := range expect {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "[%q,%q,%q,%d]", e.kind, e.function, e.what, e.count)
	}
	fmt.Printf("{\"target\":\"goroutines\",\"sum\":%d,\"varies\":false,\"expect\":[%s]}\n", sum, b.String())
	wait("")
	os.Exit(6)
}
