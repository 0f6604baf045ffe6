await StrongroomCommand.main()
