package sdk_test

func helper(string) {}
