// SPDX-License-Identifier: MIT

// Arguments of calls that move: goroutines whose stacks grow and that go on in another thread in the middle of a call. The result
// is the sum of the arguments. Protocol as in said.h.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
)

const (
	goroutines = 16
	pairs      = 500
	step       = 1000000
)

//go:noinline
func grow(n int) int {
	var a [64]int
	a[n%64] = n
	if n == 0 {
		return a[0]
	}
	return grow(n-1) + a[n%64] - n
}

//go:noinline
func Pair(who, count int) int { return who + count }

//go:noinline
func Moved(who, count int) int {
	grown := grow(count % 200)
	runtime.Gosched()
	r := Pair(who, count)
	runtime.Gosched()
	return r + grown
}

func main() {
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	in.ReadString('\n')
	var all sync.WaitGroup
	for g := 0; g < goroutines; g++ {
		all.Add(1)
		go func(who int) {
			defer all.Done()
			for i := 0; i < pairs; i++ {
				Moved(who, i)
			}
		}(g * step)
	}
	all.Wait()
	fmt.Printf("{\"target\":\"values_more\",\"varies\":true,\"said\":[{\"pairs\":%d,\"threads\":%d,\"step\":%d}]}\n", pairs, goroutines, step)
	in.ReadString('\n')
}
